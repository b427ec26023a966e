"""How an answer is judged: alone and in time, against the bank of mistakes, with help on demand."""
