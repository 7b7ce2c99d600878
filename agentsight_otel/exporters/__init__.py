"""DELIVER: out to AgentSight or to a folder."""
