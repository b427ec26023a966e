"""What keeps a lesson in mind: cards, written answers, new numbers, walks by hand, and a record."""
