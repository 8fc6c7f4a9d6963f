"""HTML reports: one file each, without scripts and outside references; for screens, phones and paper."""
