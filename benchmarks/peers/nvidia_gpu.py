"""NVIDIA's own Python verifier (nv-local-gpu-verifier 2.7.3), driven as its `attest` does.

Runs in an environment of its own. Its OCSP calls are left out (it has no offline mode, and a local
responder would add work of ours to its time); everything else it does for one GPU with both RIMs is
timed: parse the report, check chain and firmware id, check the report's signature, load and verify
both RIMs, compare.

usage: nvidia_gpu.py REPORT CHAIN DRIVER_RIM VBIOS_RIM NONCE_HEX; then one number of runs per line
on stdin, answered with a JSON list of milliseconds.
"""

import json
import logging
import sys
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from OpenSSL import crypto  # noqa: E402

# Both RIM signers have expired since: judge at a time when they were valid, as we do.
AT = datetime(2025, 10, 24, 12, tzinfo=UTC)
_plain_context = crypto.X509StoreContext.__init__


def _context_at(self: crypto.X509StoreContext, store: crypto.X509Store, *rest: object) -> None:
    store.set_time(AT.replace(tzinfo=None))
    _plain_context(self, store, *rest)


crypto.X509StoreContext.__init__ = _context_at
crypto.X509.has_expired = lambda self: self.to_cryptography().not_valid_after_utc < AT

from verifier.attestation import AttestationReport  # noqa: E402
from verifier.cc_admin_utils import CcAdminUtils  # noqa: E402
from verifier.config import HopperSettings  # noqa: E402
from verifier.nvml import GpuCertificateChains  # noqa: E402
from verifier.nvml.test_handle import TestHandle  # noqa: E402
from verifier.rim import RIM  # noqa: E402
from verifier.verifier import Verifier  # noqa: E402

CcAdminUtils.ocsp_certificate_chain_validation = staticmethod(lambda *_: (True, "", "good", None))


def once(report: bytes, chain: bytes, driver_rim: str, vbios_rim: str, nonce: str) -> None:
    """One GPU judged from bytes, cold: the peer keeps nothing between two calls."""
    settings = HopperSettings()
    settings.GPU_ARCH, settings.GPU_ARCH_NAME = 9, "HOPPER"
    settings.mark_attestation_report_as_available()
    certificates = GpuCertificateChains(TestHandle(chain)).GpuAttestationCertificateChain
    evidence = AttestationReport(report, settings)
    settings.mark_attestation_report_parsed()
    fwid = evidence.get_response_message().get_opaque_data().get_data("OPAQUE_FIELD_ID_FWID").hex()
    ok, _, _ = CcAdminUtils.verify_gpu_certificate_chain(certificates, settings, fwid)
    if not ok:
        raise SystemExit("the peer refused the device chain")
    settings.mark_gpu_attestation_report_cert_chain_validated()
    if not CcAdminUtils.verify_attestation_report(
        attestation_report_obj=evidence,
        gpu_leaf_certificate=certificates[0],
        nonce=bytes.fromhex(nonce),
        driver_version="550.90.07",
        vbios_version="96.00.9f.00.01",
        settings=settings,
    ):
        raise SystemExit("the peer refused the report")
    driver = RIM(rim_name="driver", settings=settings, content=driver_rim)
    vbios = RIM(rim_name="vbios", settings=settings, content=vbios_rim)
    if not driver.verify(version="550.90.07", settings=settings)[0]:
        raise SystemExit("the peer refused the driver RIM")
    if not vbios.verify(version="96.00.9f.00.01", settings=settings)[0]:
        raise SystemExit("the peer refused the VBIOS RIM")
    Verifier(evidence, driver, vbios, settings=settings).verify(settings)


def main() -> None:
    report_path, chain_path, driver_path, vbios_path, nonce = sys.argv[1:6]
    report = bytes.fromhex(Path(report_path).read_text().strip())
    chain = Path(chain_path).read_bytes()
    driver_rim, vbios_rim = Path(driver_path).read_text(), Path(vbios_path).read_text()
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            once(report, chain, driver_rim, vbios_rim, nonce)
            times.append((time.perf_counter() - start) * 1000)
        out.write(json.dumps(times) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
