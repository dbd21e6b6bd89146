"""Furniture shared by the web faces: layout, grid, form fields, charts, and the assets behind them.

    layout.py    the frame of a page: navigation, breadcrumbs (start here for a new page)
    columns.py   what a grid's column is and how its cells look, copy and export
    grid.py      a list of records: filter, search, sort, columns, paging by key, export
    sources.py   where a grid's rows come from: a queryset or a list
    exports.py   CSV and XLSX of a grid
    forms.py     HouseForm with tabs, the version lock, `render_form()`
    fields.py    money, price, zone, currency, country, duration, network
    hours.py     the day/time windows field
    charts.py    line charts

Nothing here knows a customer, a call or a permission: those come in as data. Every page runs under
`default-src 'self'` without exceptions, so no template holds an inline script or style, no htmx attribute needs
`eval` (no `hx-on`, no `js:` values, no `[...]` trigger filters), and htmx is configured by a meta tag.

htmx 4 differs from 2: every answer is swapped except 204 and 304 (so a 422 form is), attributes are inherited only
when written `hx-target:inherited`, events are named `htmx:after:swap` (not `htmx:afterSwap`), and history fetches
the page again. The layout sends the CSRF token with every htmx request.
"""
