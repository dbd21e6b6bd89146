"""The metadata by which a reader knows a PDF as Factur-X: Typst attaches the e-invoice, but says nothing of its level.

A PDF is changed by appending: the metadata anew, and where it stands now. Nothing that was printed is read or written
again, which is why it takes no time. To tell another property, add it to `PROPERTIES` with its value in `factur_x`.
"""

from __future__ import annotations

import re
from typing import Final

FILE_NAME: Final = "factur-x.xml"
NAMESPACE: Final = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PROPERTIES: Final = {
    "DocumentFileName": ("The name of the embedded XML document", FILE_NAME),
    "DocumentType": ("The type of the hybrid document in capital letters, e.g. INVOICE or ORDER", "INVOICE"),
    "Version": ("The actual version of the standard applying to the embedded XML document", "1.0"),
    "ConformanceLevel": ("The conformance level of the embedded XML document", "EN 16931"),
}
"""Name: its description in the schema, which PDF/A demands of what is not its own, and its value."""
_METADATA: Final = re.compile(
    rb"\n(\d+) 0 obj\n<</Length \d+/Type/Metadata/Subtype/XML>>\nstream\n(.*?)\nendstream", re.DOTALL
)
_TRAILER: Final = re.compile(rb"trailer\n<<(.*)>>\nstartxref\n(\d+)\n%%EOF\s*\Z", re.DOTALL)
_SCHEMAS_END: Final = b"</rdf:Bag></pdfaExtension:schemas>"
_END: Final = b"</rdf:RDF>"


def factur_x(page: bytes) -> bytes:
    """A page of Typst's that bears an e-invoice of the level EN 16931, told as such."""
    told = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (_, value) in PROPERTIES.items())
    said = f'<rdf:Description rdf:about="" xmlns:fx="{NAMESPACE}">{told}</rdf:Description>'
    found = list(_METADATA.finditer(page))
    assert found, "the metadata of a page is not compressed"
    number, metadata = int(found[-1][1]), found[-1][2]
    assert metadata.count(_SCHEMAS_END) == metadata.count(_END) == 1
    metadata = metadata.replace(_SCHEMAS_END, _schema().encode() + _SCHEMAS_END).replace(_END, said.encode() + _END)
    return _appended(page, number, metadata)


def _schema() -> str:
    """What the properties are, as an item of the list of schemas."""
    listed = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        for name, (description, _) in PROPERTIES.items()
    )
    return (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{listed}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def _appended(page: bytes, number: int, metadata: bytes) -> bytes:
    """The file with its metadata anew (ISO 32000-1, 7.5.6): the object, its place, and the trailer as it was."""
    trailer = _TRAILER.search(page)
    assert trailer is not None, "a page ends with a table of its objects"
    page += b"" if page.endswith(b"\n") else b"\n"
    stream = b"%d 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%b\nendstream\nendobj\n"
    made = page + stream % (number, len(metadata), metadata)
    table = b"xref\n0 1\n0000000000 65535 f\r\n%d 1\n%010d 00000 n\r\n" % (number, len(page))
    end = b"trailer\n<<%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (trailer[1], int(trailer[2]), len(made))
    return made + table + end
