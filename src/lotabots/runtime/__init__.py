"""The process around the domain; each part is a face of its own."""
