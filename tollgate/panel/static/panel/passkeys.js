// Says in words why a passkey was not made or shown: allauth's scripts only tell the console.
(function () {
  const WORDS = {
    NotAllowedError: say("No passkey was shown. Try again, or log in another way."),
    InvalidStateError: say("This device holds a passkey for you already."),
    SecurityError: say("Passkeys work at a host name by https only, not at a bare address."),
    TypeError: say("This browser cannot use passkeys here: open the panel by its host name and https."),
  };
  document.addEventListener("allauth.error", (event) => {
    const place = document.getElementById("passkey_problem");
    const problem = event.detail.exception;
    place.textContent = WORDS[problem.name] || say("The passkey could not be used: {problem}", {problem: problem.message});
    place.hidden = false;
    event.preventDefault();
  });
})();
