// What the EHR sent with a launch that was refused does not stay in the address bar, nor in the history.
history.replaceState(null, '', location.pathname);
