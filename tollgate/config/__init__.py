"""Assembled last: Django's settings, the addresses of all pages, the web server's entry."""
