"""Devices side by side: facts, quotients, ridge points, and what a result on one says about another."""
