"""Who may say what: certificates, chains, keys, signatures and MACs."""

from dissectors.modules.lazy_names import public_names

__getattr__, __dir__, _ = public_names(__name__, {}, former="signers")
