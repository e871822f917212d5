"""Tables and pictures to arrays and back."""
