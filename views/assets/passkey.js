// Passkeys (WebAuthn). A form that carries data-passkey holds the server's options; the browser's answer goes into its hidden
// field `credential` and the form is sent as any other, so the server answers with ordinary pages.
const forms = document.querySelectorAll('form[data-passkey]');

/** The @simplewebauthn/browser bundle: a classic script that leaves one global, loaded only when somebody presses the button. */
async function library(address) {
  if (!globalThis.SimpleWebAuthnBrowser) await import(address);
  return globalThis.SimpleWebAuthnBrowser;
}

async function answer(form) {
  const { startAuthentication, startRegistration } = await library(form.dataset.library);
  const optionsJSON = JSON.parse(form.dataset.options);
  return form.dataset.passkey === 'enrol' ? startRegistration({ optionsJSON }) : startAuthentication({ optionsJSON });
}

function explain(form, error) {
  const place = form.querySelector('[data-passkey-error]');
  const away = error instanceof Error && (error.name === 'NotAllowedError' || error.name === 'AbortError');
  place.textContent = away ? 'The passkey was not used. Try again when you are ready.' : 'This browser could not use a passkey here.';
  place.hidden = false;
}

for (const form of forms) {
  form.addEventListener('submit', async (event) => {
    const pressed = event.submitter;
    if (form.elements.credential.value !== '' || pressed?.dataset.without === 'passkey') return;
    event.preventDefault();
    try {
      form.elements.credential.value = JSON.stringify(await answer(form));
      form.requestSubmit(pressed);
    } catch (error) {
      explain(form, error);
    }
  });
}
