"""Events delivered to whoever asked for them by HTTPS: signed, again and again until taken."""
