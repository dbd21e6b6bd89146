"""How we are paid through others: one interface, one file per gateway, one row each in `PROVIDERS`.

    gateway = open_gateway(Config(provider="stripe", mode="live", settings={...}, secrets={...}))
    gateway.start(Order(...)) -> Started          where to send the payer
    gateway.read_event(Notice(...)) -> [Event]    what a notice says, once it is proved to be theirs; raises Unverified
    gateway.ask(session) -> [Event]               what became of a checkout
    gateway.refund(Refund(...)) -> Event          gives money back
    gateway.charge(Order(...), method) -> [Event] charges a stored method, for gateways that `charges`

To add a gateway: a module with a class that has these (what it cannot do raises NotOffered), its row here, and bodies
as test data in tests/gateways/payments/, recorded ones in its recorded/. Amounts are micros of the currency named
beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tollgate.gateways.payments import moneris, paypal, stripe
from tollgate.gateways.payments.model import Config, Field, Gateway, Provider
from tollgate.gateways.payments.nowpayments import NowPayments
from tollgate.gateways.payments.paymongo import PayMongo
from tollgate.gateways.payments.paypal import PayPal
from tollgate.gateways.payments.paypal_ipn import PayPalIpn
from tollgate.gateways.payments.paystack import Paystack
from tollgate.gateways.payments.razorpay import Razorpay
from tollgate.gateways.payments.stripe import Stripe
from tollgate.gateways.payments.units import tens_micros
from tollgate.gateways.payments.yoco import Yoco

PAYPAL_CURRENCIES: Final = (
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK"),
    *("NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"),
)
RAZORPAY_CURRENCIES: Final = (
    *("AED", "ALL", "AMD", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD"),
    *("BTN", "BWP", "BZD", "CAD", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD"),
    *("EGP", "ETB", "EUR", "FJD", "GBP", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR"),
    *("ILS", "INR", "IQD", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KRW", "KWD", "KYD", "KZT", "LAK"),
    *("LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN"),
    *("NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD"),
    *("RUB", "RWF", "SAR", "SCR", "SEK", "SGD", "SOS", "SVC", "SZL", "THB", "TND", "TRY", "TTD", "TWD", "TZS", "UAH"),
    *("UGX", "USD", "UYU", "UZS", "VND", "VUV", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW"),
)
"""Many of them only once Razorpay has opened international payments for the account."""


def _api(live: str, *, test: str = "") -> Field:
    return Field("api_url", "API address", default=live, test=test)


def _secret_key(words: str) -> Field:
    return Field("secret_key", "Secret key", secret=True, help=words)


def _webhook_secret(words: str) -> Field:
    return Field("webhook_secret", "Webhook secret", secret=True, help=words)


PROVIDERS: Final[Mapping[str, Provider]] = {
    "stripe": Provider(
        title="Stripe",
        make=Stripe,
        currencies=(),
        fields=(
            _secret_key("sk_live_... or sk_test_..., from API keys"),
            Field("webhook_secret", "Webhook signing secret", secret=True, help="whsec_..., shown with the endpoint"),
            _api("https://api.stripe.com"),
        ),
        charges=True,
        tells_fees=False,
        asks_fees=True,
        step=stripe.step_micros,
    ),
    "paypal": Provider(
        title="PayPal",
        make=PayPal,
        currencies=PAYPAL_CURRENCIES,
        fields=(
            Field("client_id", "Client id"),
            Field("client_secret", "Client secret", secret=True),
            Field("webhook_id", "Webhook id", help="Of the webhook that calls the address below"),
            _api("https://api-m.paypal.com", test="https://api-m.sandbox.paypal.com"),
        ),
        step=paypal.step_micros,
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
    ),
    "razorpay": Provider(
        title="Razorpay",
        make=Razorpay,
        currencies=RAZORPAY_CURRENCIES,
        fields=(
            Field("key_id", "Key id", help="rzp_live_... or rzp_test_..., from API keys"),
            Field("key_secret", "Key secret", secret=True),
            _webhook_secret("That you chose for the webhook"),
            _api("https://api.razorpay.com"),
        ),
        step=tens_micros,
    ),
    "paystack": Provider(
        title="Paystack",
        make=Paystack,
        currencies=("GHS", "KES", "NGN", "USD", "ZAR"),
        fields=(
            _secret_key("sk_live_... or sk_test_...; it proves notices too"),
            _api("https://api.paystack.co"),
        ),
    ),
    "paymongo": Provider(
        title="PayMongo",
        make=PayMongo,
        currencies=("PHP",),
        fields=(
            _secret_key("sk_live_... or sk_test_..."),
            _webhook_secret("whsk_..., told when the webhook is made"),
            Field(
                "methods",
                "Payment methods",
                default="card, gcash, paymaya, grab_pay",
                help="As PayMongo calls them, with commas; empty = card, gcash, paymaya, grab_pay",
            ),
            _api("https://api.paymongo.com"),
        ),
    ),
    "yoco": Provider(
        title="Yoco",
        make=Yoco,
        currencies=("ZAR",),
        fields=(
            _secret_key("sk_live_... or sk_test_..."),
            _webhook_secret("whsec_..., told when the webhook is made"),
            _api("https://payments.yoco.com"),
        ),
        tells_fees=False,
    ),
    "nowpayments": Provider(
        title="NOWPayments",
        make=NowPayments,
        currencies=(),
        fields=(
            Field("api_key", "API key", secret=True),
            Field("ipn_secret", "IPN secret", secret=True, help="From the settings of payments, shown once"),
            _api("https://api.nowpayments.io", test="https://api-sandbox.nowpayments.io"),
        ),
        refunds=False,
        tells_fees=False,
    ),
    "moneris": Provider(
        title="Moneris",
        make=moneris.Moneris,
        currencies=(moneris.CURRENCY,),
        fields=(
            Field("store_id", "Store id"),
            Field(
                "api_token", "API token", secret=True, help="From the store settings of the Merchant Resource Center"
            ),
            Field("checkout_id", "Checkout id", help="chkt..., of a Moneris Checkout profile that makes purchases"),
            _api("https://gateway.moneris.com", test="https://gatewayt.moneris.com"),
        ),
        refunds=False,
        notifies=False,
        widget=moneris.widget,
        tells_fees=False,
    ),
}


def open_gateway(config: Config) -> Gateway:
    """The gateway with its keys."""
    make: Callable[[Config], Gateway] = PROVIDERS[config.provider].make
    return make(config)
