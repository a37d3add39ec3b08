"""What people look at: words, plots and the HTML page that holds them."""
