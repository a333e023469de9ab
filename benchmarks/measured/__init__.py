"""What measuring costs: reports over a year of sums, a day added up anew, and what both do to those who write."""
