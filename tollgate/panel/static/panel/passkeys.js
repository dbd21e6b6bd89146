// Says in words why a passkey was not made or shown: allauth's scripts only tell the console.
(function () {
  const WORDS = {
    NotAllowedError: "No passkey was shown. Try again, or log in another way.",
    InvalidStateError: "This device holds a passkey for you already.",
    SecurityError: "Passkeys work at a host name by https only, not at a bare address.",
    TypeError: "This browser cannot use passkeys here: open the panel by its host name and https.",
  };
  document.addEventListener("allauth.error", (event) => {
    const place = document.getElementById("passkey_problem");
    const problem = event.detail.exception;
    place.textContent = WORDS[problem.name] || "The passkey could not be used: " + problem.message;
    place.hidden = false;
    event.preventDefault();
  });
})();
