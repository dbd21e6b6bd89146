"""The words printed on documents, in the languages they can be written in. To add a language, add its column of words.

The words of each language stand in one order, that of `KEYS`; a language that is not here is printed in English.
"""

from collections.abc import Mapping
from typing import Final

LANGUAGE: Final = "en"
KEYS: Final = (
    "invoice", "receipt", "credit_note", "debit_note", "draft", "void",
    "number", "date", "due", "period", "reference", "customer_number", "vat_id", "registration_id", "corrects",
    "reason", "paid_by", "bill_to",
    "description", "calls", "duration", "quantity", "unit_price", "amount",
    "net", "base", "total", "exact", "rounding", "reverse_charge", "includes_tax", "payment_details", "note", "page",
    "tax_in", "tax",
    "calls_on", "calls_to", "elsewhere", "calls_by", "route_gone", "correction", "no_calls", "received", "less_settled",
    "collected", "no_route",
)  # fmt: skip
_WORDS: Final[Mapping[str, str]] = {
    "en": "Invoice|Receipt|Credit note|Debit note|Draft|Void|"
    "Number|Date|Due|Period|Your reference|Customer number|VAT number|Company number|Corrects|"
    "Reason|Paid by|To|"
    "Description|Calls|Duration|Quantity|Unit price|Amount|"
    "Net total|on|Total|Exact charges|Rounding difference|Reverse charge: the customer owes the VAT.|"
    "Prices include the taxes shown.|How to pay|Note|Page|"
    "Taxes in|Tax|"
    "Calls on {on}|Calls to {place}|other destinations|Calls by {route}|a route that is gone|"
    "Correction of calls from {first} to {last}|No calls|Payment received, {reference}|less what settled invoices|"
    "What is due is collected on {on} from account {account} by SEPA direct debit, mandate {mandate}, "
    "creditor identifier {creditor}.|"
    "Calls to your numbers and within your net",
    "de": "Rechnung|Quittung|Gutschrift|Belastungsanzeige|Entwurf|Ungültig|"
    "Nummer|Datum|Fällig am|Zeitraum|Ihr Zeichen|Kundennummer|USt-IdNr.|Handelsregister|Berichtigt|"
    "Grund|Bezahlt durch|An|"
    "Beschreibung|Anrufe|Dauer|Menge|Einzelpreis|Betrag|"
    "Nettobetrag|auf|Gesamtbetrag|Genaue Entgelte|Rundungsdifferenz|Steuerschuldnerschaft des Leistungsempfängers.|"
    "Preise enthalten die ausgewiesenen Steuern.|Zahlungsangaben|Hinweis|Seite|"
    "Steuern in|Steuer|"
    "Anrufe am {on}|Anrufe nach {place}|anderen Zielen|Anrufe über {route}|eine gelöschte Route|"
    "Korrektur von Anrufen vom {first} bis {last}|Keine Anrufe|Zahlung erhalten, {reference}|"
    "ohne das, was Rechnungen beglichen hat|"
    "Der fällige Betrag wird am {on} vom Konto {account} per SEPA-Lastschrift eingezogen, Mandat {mandate}, "
    "Gläubiger-Identifikationsnummer {creditor}.|"
    "Anrufe an Ihre Nummern und im eigenen Netz",
    "fr": "Facture|Reçu|Avoir|Note de débit|Brouillon|Annulée|"
    "Numéro|Date|Échéance|Période|Votre référence|Numéro client|N° de TVA|N° d’immatriculation|Rectifie|"
    "Motif|Payé par|À|"
    "Désignation|Appels|Durée|Quantité|Prix unitaire|Montant|"
    "Total HT|sur|Total|Montants exacts|Écart d’arrondi|Autoliquidation.|"
    "Les prix comprennent les taxes indiquées.|Comment payer|Remarque|Page|"
    "Taxes en|Taxe|"
    "Appels du {on}|Appels vers {place}|d’autres destinations|Appels par {route}|une route supprimée|"
    "Rectification d’appels du {first} au {last}|Aucun appel|Paiement reçu, {reference}|"
    "moins ce qui a réglé des factures|"
    "Le montant dû est prélevé le {on} sur le compte {account} par prélèvement SEPA, mandat {mandate}, "
    "identifiant créancier {creditor}.|"
    "Appels vers vos numéros et dans votre réseau",
    "es": "Factura|Recibo|Nota de abono|Nota de cargo|Borrador|Anulada|"
    "Número|Fecha|Vencimiento|Periodo|Su referencia|Número de cliente|NIF-IVA|Registro mercantil|Rectifica|"
    "Motivo|Pagado mediante|Para|"
    "Descripción|Llamadas|Duración|Cantidad|Precio unitario|Importe|"
    "Base imponible|sobre|Total|Importes exactos|Diferencia de redondeo|Inversión del sujeto pasivo.|"
    "Los precios incluyen los impuestos indicados.|Forma de pago|Nota|Página|"
    "Impuestos en|Impuesto|"
    "Llamadas del {on}|Llamadas a {place}|otros destinos|Llamadas por {route}|una ruta eliminada|"
    "Corrección de llamadas del {first} al {last}|Sin llamadas|Pago recibido, {reference}|"
    "menos lo que saldó facturas|"
    "El importe debido se cobra el {on} de la cuenta {account} por adeudo directo SEPA, mandato {mandate}, "
    "identificador del acreedor {creditor}.|"
    "Llamadas a sus números y dentro de su red",
    "lt": "Sąskaita faktūra|Kvitas|Kreditinė sąskaita|Debetinė sąskaita|Juodraštis|Anuliuota|"
    "Numeris|Data|Apmokėti iki|Laikotarpis|Jūsų nuoroda|Kliento numeris|PVM kodas|Įmonės kodas|Taiso|"
    "Priežastis|Apmokėta|Kam|"
    "Aprašymas|Skambučiai|Trukmė|Kiekis|Vieneto kaina|Suma|"
    "Suma be mokesčių|nuo|Iš viso|Tikslūs mokesčiai|Apvalinimo skirtumas|Atvirkštinis apmokestinimas.|"
    "Į kainas įskaičiuoti nurodyti mokesčiai.|Kaip apmokėti|Pastaba|Puslapis|"
    "Mokesčiai|Mokestis|"
    "{on} skambučiai|Skambučiai į {place}|kitas kryptis|Skambučiai per {route}|pašalintą maršrutą|"
    "Skambučių nuo {first} iki {last} pataisymas|Skambučių nebuvo|Gautas mokėjimas, {reference}|"
    "atėmus tai, kuo apmokėtos sąskaitos|"
    "Mokėtina suma {on} nurašoma iš sąskaitos {account} SEPA tiesioginiu debetu, įgaliojimas {mandate}, "
    "gavėjo identifikatorius {creditor}.|"
    "Skambučiai į jūsų numerius ir jūsų tinkle",
    "pt": "Fatura|Recibo|Nota de crédito|Nota de débito|Rascunho|Anulada|"
    "Número|Data|Vencimento|Período|A sua referência|Número de cliente|NIF|Número de registo|Corrige|"
    "Motivo|Pago por|Para|"
    "Descrição|Chamadas|Duração|Quantidade|Preço unitário|Montante|"
    "Total líquido|sobre|Total|Montantes exatos|Diferença de arredondamento|Autoliquidação.|"
    "Os preços incluem os impostos indicados.|Como pagar|Nota|Página|"
    "Impostos em|Imposto|"
    "Chamadas de {on}|Chamadas para {place}|outros destinos|Chamadas por {route}|uma rota eliminada|"
    "Correção de chamadas de {first} a {last}|Sem chamadas|Pagamento recebido, {reference}|"
    "menos o que liquidou faturas|"
    "O montante devido é cobrado em {on} da conta {account} por débito direto SEPA, autorização {mandate}, "
    "identificador do credor {creditor}.|"
    "Chamadas para os seus números e dentro da sua rede",
}
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    language: dict(zip(KEYS, words.split("|"), strict=True)) for language, words in _WORDS.items()
}
LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "lt": "Lietuvių", "pt": "Português",
}  # fmt: skip


def words_of(language: str) -> Mapping[str, str]:
    """The words of a language, or of its first part (`de` for `de-AT`); English for one we do not write."""
    return WORDS.get(language) or WORDS.get(language.partition("-")[0]) or WORDS[LANGUAGE]
