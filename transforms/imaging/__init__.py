"""Measures of pictures, from one decode at reduced scale."""
