"""The words of a statement of account, in the languages of documents. To add a language, add its line of words.

The words of each language stand in the order of `KEYS`; what documents say too is taken from `core.invoice_words`.
"""

from collections.abc import Mapping
from typing import Final

from tollgate.core.invoice_words import LANGUAGE, words_of

KEYS: Final = (
    "statement", "opening", "closing", "balance", "open_documents", "open",
    "corrections", "payment", "refund", "reversal", "bonus", "adjustment", "charge", "voided",
)  # fmt: skip
_WORDS: Final[Mapping[str, str]] = {
    "en": "Statement of account|Opening balance|Closing balance|Balance|Open documents|Open|"
    "Corrections of calls|Payment|Refund|Reversal|Bonus|Adjustment|Charge|Voided:",
    "de": "Kontoauszug|Anfangssaldo|Endsaldo|Saldo|Offene Belege|Offen|"
    "Korrekturen von Anrufen|Zahlung|Erstattung|Rückbuchung|Bonus|Anpassung|Entgelt|Ungültig:",
    "fr": "Relevé de compte|Solde initial|Solde final|Solde|Documents ouverts|Ouvert|"
    "Corrections d’appels|Paiement|Remboursement|Annulation|Bonus|Ajustement|Frais|Annulé :",
    "es": "Extracto de cuenta|Saldo inicial|Saldo final|Saldo|Documentos pendientes|Pendiente|"
    "Correcciones de llamadas|Pago|Reembolso|Reversión|Bono|Ajuste|Cargo|Anulado:",
    "pt": "Extrato de conta|Saldo inicial|Saldo final|Saldo|Documentos em aberto|Em aberto|"
    "Correções de chamadas|Pagamento|Reembolso|Estorno|Bónus|Ajuste|Encargo|Anulado:",
    "lt": "Sąskaitos išrašas|Pradinis likutis|Galutinis likutis|Likutis|Neapmokėti dokumentai|Neapmokėta|"
    "Skambučių pataisymai|Mokėjimas|Grąžinimas|Atšaukimas|Premija|Koregavimas|Mokestis|Anuliuota:",
}


def statement_words(language: str) -> Mapping[str, str]:
    """The words of a language, such as "lt" or "de-AT"; English where there is none."""
    found = language.partition("-")[0]
    found = found if found in _WORDS else LANGUAGE
    return {**words_of(found), **dict(zip(KEYS, _WORDS[found].split("|"), strict=True)), "language": found}
