"""Whose signature under reference values this instance trusts, and where it may fetch them."""

from dataclasses import dataclass

from lotabots.reference.fetcher import Sources


@dataclass(frozen=True)
class ReferenceSettings:
    """Section `reference`."""

    trusted_keys: str = ""
    """A file with a JWK set: whose bundles are taken, beside this instance's own."""
    rim_url: str = ""
    """Base address of a RIM service; empty: none is asked."""
    ocsp_url: str = ""
    crl_urls: tuple[str, ...] = ()

    def sources(self) -> Sources:
        """Where the fetcher may ask."""
        return Sources(rim=self.rim_url, ocsp=self.ocsp_url, crls=self.crl_urls)
