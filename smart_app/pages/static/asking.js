// Sends the request on by itself; without a script there is the button.
document.forms[0].submit();
