"""The operator's pages. One file per noun: its forms, grids, views and `urlpatterns`; `urls.py` joins them.

    frame.py     what surrounds every page: the navigation, filtered by nothing, and the user's menu
    access.py    who may read and who may do what: the decorators every view carries
    saving.py    from a valid form through an act to the next page, or back to the form with its errors
    cells.py     columns and links that several lists share
    help_texts.py  the documentation as help, and which page of it explains what

A page reads through `store.queries` and models, and writes only by an act. To add a noun: write its file, add its
`urlpatterns` to `urls.py`, its list to `frame.NAVIGATION`, and its pages to tests/panel/test_access.py, which walks
every address as a user, as a reader and as nobody.
"""
