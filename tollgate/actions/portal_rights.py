"""What a contact may do in the portal, and what of it a user of ours who looks in as them.

An act of the panel that contacts may do as well is named in `PORTAL_ACTS`; one that only they do stands in `SAME_RIGHT`
too, beside the act whose right a user needs for it.
"""

from typing import Final

OWN_ONLY: Final = frozenset(
    {
        "change_own_password",
        "confirm_second_factor",
        "create_contact_token",
        "end_contact_sessions",
        "make_recovery_codes",
        "remove_second_factor",
        "use_recovery_code",
        "verify_contact_by_code",
    }
)
"""What only the person may do, never a user who looks in as them."""
PORTAL_ACTS: Final = OWN_ONLY | {
    "cancel_bank_transfer",
    "create_contact",
    "create_own_ip_endpoint",
    "delete_auto_top_up",
    "delete_own_endpoint",
    "redeem_voucher",
    "revoke_contact_token",
    "send_contact_code",
    "send_password_link",
    "start_checkout",
    "start_cli_proof",
    "tell_bank_transfer",
    "type_cli_code",
    "update_auto_top_up",
    "update_contact",
    "update_own_ip_endpoint",
}
"""What a contact may do, always on records of its own customer: the portal finds them by nothing else."""
SAME_RIGHT: Final = {
    "cancel_bank_transfer": "cancel_payment",
    "create_own_ip_endpoint": "create_ip_endpoint",
    "delete_own_endpoint": "delete_endpoint",
    "send_contact_code": "send_password_link",
    "start_checkout": "create_payment",
    "start_cli_proof": "add_verified_cli",
    "tell_bank_transfer": "create_payment",
    "type_cli_code": "add_verified_cli",
    "update_own_ip_endpoint": "update_endpoint",
}
"""The act of the panel whose right a user needs to do a contact's act; the others are named alike."""
