"""The customer's web pages, always seen through one contact.

One file per noun. A page asks for the visitor, reads by the questions of `store/queries/portal.py`, which start from
the contact's customer, and changes by the acts. To add a page: a view behind `visiting`, its `urlpatterns`, its module
in `urls.py`; if it is a section of its own, its line in `frame.SECTION_PAGES`.
"""
