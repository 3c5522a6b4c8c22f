"""What a build or a finding looks like to its reader: one file per form."""
