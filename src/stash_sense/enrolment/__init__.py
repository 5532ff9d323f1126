"""Enrolment: builds a face database from folders of people, or from Stash's performers."""
