"""Weights that others published: how their code names them, and what it assumes."""
