"""The HAN that we run ourselves: a home whose frames are real in every octet, with ground truth beside them."""
