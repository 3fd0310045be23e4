"""Look at files of users before libraries read them."""
