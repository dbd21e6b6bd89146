// Moneris' form within a page of ours: it is shown for a ticket, and what becomes of it leads back. Whether anything was
// paid is not said here: our server asks Moneris.

const shown = document.getElementById("moneris-checkout");

function tellTrouble() {
  shown.hidden = true;
  document.getElementById("moneris-trouble").hidden = false;
}

function showForm() {
  if (!window.monerisCheckout) return tellTrouble();
  const {ticket, mode, back, cancel} = shown.dataset, checkout = new window.monerisCheckout();
  checkout.setMode(mode);
  checkout.setCheckoutDiv(shown.id);
  checkout.setCallback("page_loaded", (told) => JSON.parse(told).response_code === "001" || tellTrouble());
  checkout.setCallback("error_event", tellTrouble);
  checkout.setCallback("payment_receipt", () => {});
  checkout.setCallback("payment_complete", () => location.replace(back));
  checkout.setCallback("cancel_transaction", () => location.replace(cancel));
  checkout.startCheckout(ticket);
}

showForm();
