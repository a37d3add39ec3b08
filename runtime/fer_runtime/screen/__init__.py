"""What people see: the window and all that is drawn into it."""
