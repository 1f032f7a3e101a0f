"""From files of the field to particles."""
