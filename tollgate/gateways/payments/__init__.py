"""How we are paid through others: one interface, one file per gateway, one row each in `PROVIDERS`.

    gateway = open_gateway(Config(provider="stripe", mode="live", settings={...}, secrets={...}))
    gateway.start(Order(...)) -> Started          where to send the payer
    gateway.read_event(Notice(...)) -> [Event]    what a notice says, once it is proved to be theirs; raises Unverified
    gateway.ask(session) -> [Event]               what became of a checkout
    gateway.refund(Refund(...)) -> Event          gives money back
    gateway.charge(Order(...), method) -> [Event] charges a stored method, for gateways that `charges`

To add a gateway: a module with a class that has these (what it cannot do raises NotOffered), its row here, and recorded
bodies as test data in tests/gateways/payments/. Amounts are micros of the currency named beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tollgate.gateways.payments.model import Config, Field, Gateway, Provider
from tollgate.gateways.payments.paypal import PayPal
from tollgate.gateways.payments.paypal_ipn import PayPalIpn
from tollgate.gateways.payments.stripe import Stripe

PAYPAL_CURRENCIES: Final = (
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK"),
    *("NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"),
)

PROVIDERS: Final[Mapping[str, Provider]] = {
    "stripe": Provider(
        title="Stripe",
        make=Stripe,
        currencies=(),
        fields=(
            Field("secret_key", "Secret key", secret=True, help="sk_live_... or sk_test_..., from API keys"),
            Field("webhook_secret", "Webhook signing secret", secret=True, help="whsec_..., shown with the endpoint"),
            Field("api_url", "API address", default="https://api.stripe.com"),
        ),
        starts=True,
        refunds=True,
        charges=True,
        tells_fees=False,
    ),
    "paypal": Provider(
        title="PayPal",
        make=PayPal,
        currencies=PAYPAL_CURRENCIES,
        fields=(
            Field("client_id", "Client id"),
            Field("client_secret", "Client secret", secret=True),
            Field("webhook_id", "Webhook id", help="Of the webhook that calls the address below"),
            Field(
                "api_url", "API address", default="https://api-m.paypal.com", test="https://api-m.sandbox.paypal.com"
            ),
        ),
        starts=True,
        refunds=True,
        charges=False,
    ),
    "paypal_ipn": Provider(
        title="PayPal IPN",
        make=PayPalIpn,
        currencies=PAYPAL_CURRENCIES,
        fields=(
            Field("receivers", "Our PayPal addresses", help="The emails that money is sent to, with commas"),
            Field("types", "Payment types", default="send_money, masspay", help="send_money, masspay or both"),
            Field(
                "verify_url",
                "Verification address",
                default="https://ipnpb.paypal.com/cgi-bin/webscr",
                test="https://ipnpb.sandbox.paypal.com/cgi-bin/webscr",
            ),
        ),
        starts=False,
        refunds=False,
        charges=False,
    ),
}


def open_gateway(config: Config) -> Gateway:
    """The gateway with its keys."""
    make: Callable[[Config], Gateway] = PROVIDERS[config.provider].make
    return make(config)
