"""The REST routes: each handler takes a Call and returns an Answer; the store does the rest."""
