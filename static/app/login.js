// Shows the password on demand. Without JavaScript the button stays hidden and nothing is missed.
const button = document.getElementById("show-password");
const field = document.getElementById("id_password");
if (button && field) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
    field.focus();
  });
}
