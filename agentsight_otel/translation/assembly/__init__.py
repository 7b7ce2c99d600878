"""From spans in any order to conversations: turns, messages, actions, tokens."""

from agentsight_otel.translation.assembly.assembler import Assembler
from agentsight_otel.translation.assembly.blocks import Assembled

__all__ = ["Assembled", "Assembler"]
