"""How we speak to others: mail servers, SMS providers. One file per way; nobody below the acts calls them.

To add one, write its file: what it needs comes in as values, what went wrong goes out as an exception of its own with a
sentence, and every connection goes to an address that `addresses.reachable` has checked.
"""
