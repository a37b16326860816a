"""One thread for every test: small tensor programs on shared cores are fastest and reproducible that way."""

import torch

torch.set_num_threads(1)
