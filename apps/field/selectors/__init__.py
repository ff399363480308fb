"""Questions of the phone's pages."""
