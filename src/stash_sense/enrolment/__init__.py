"""Enrolment: people from folders or from Stash become a face database."""
