"""Faults in what is said of a device's certificate authority: OCSP responses and CRLs."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from lotabots.simulator.authorities import device_root
from lotabots.simulator.certificates import day_of
from lotabots.simulator.collateral import (
    Answer,
    Status,
    Subject,
    crl,
    ocsp_parts,
    ocsp_response,
    responder_of,
    response_of,
)
from lotabots.simulator.faults import Fault

OcspFault = Callable[[Subject, datetime], bytes | None]
CrlFault = Callable[[Subject, datetime], bytes | None]
"""What is there about this certificate at this time; None: nothing."""

LONG_AGO = timedelta(days=200)
_DAY = timedelta(days=1)


def _status(status: Status) -> OcspFault:
    return lambda subject, now: ocsp_response(
        Answer(subject=subject, this_update=now, status=status)
    )


def _said_at(shift: timedelta) -> OcspFault:
    return lambda subject, now: ocsp_response(Answer(subject=subject, this_update=now + shift))


def _other_serial(subject: Subject, now: datetime) -> bytes:
    return ocsp_response(
        Answer(subject=subject, this_update=now, serial=subject.certificate.serial_number + 1)
    )


def _no_purpose(subject: Subject, now: datetime) -> bytes:
    by = responder_of(subject.issuer, day_of(now), signs_ocsp=False)
    return ocsp_response(Answer(subject=subject, this_update=now, responder=by))


def _other_issuer(subject: Subject, now: datetime) -> bytes:
    by = responder_of(device_root(), day_of(now))
    return ocsp_response(Answer(subject=subject, this_update=now, responder=by))


def _good(subject: Subject, now: datetime) -> bytes:
    return ocsp_response(Answer(subject=subject, this_update=now))


def _signature_bit(subject: Subject, now: datetime) -> bytes:
    signed, signature, responder = ocsp_parts(Answer(subject=subject, this_update=now))
    changed = signature[:-1] + bytes([signature[-1] ^ 1])
    return response_of(signed, changed, responder)


def _crl_saying(status: Status) -> CrlFault:
    return lambda subject, now: crl(
        subject.issuer, now, ((subject.certificate.serial_number, status),)
    )


OCSP: Mapping[Fault, OcspFault] = MappingProxyType(
    {
        Fault.OCSP_REVOKED: _status(Status.REVOKED),
        Fault.OCSP_HOLD: _status(Status.HOLD),
        Fault.OCSP_UNKNOWN: _status(Status.UNKNOWN),
        Fault.OCSP_MISSING: lambda _subject, _now: None,
        Fault.OCSP_STALE: _said_at(-LONG_AGO),
        Fault.OCSP_FUTURE: _said_at(_DAY),
        Fault.OCSP_OTHER_SERIAL: _other_serial,
        Fault.OCSP_NO_PURPOSE: _no_purpose,
        Fault.OCSP_OTHER_ISSUER: _other_issuer,
        Fault.OCSP_SIGNATURE_BIT: _signature_bit,
        Fault.OCSP_TAIL: lambda subject, now: _good(subject, now) + b"unsigned",
        Fault.PROVISIONER_REVOKED: _status(Status.REVOKED),
        Fault.RIM_SIGNER_REVOKED: _status(Status.REVOKED),
    }
)

CRLS: Mapping[Fault, CrlFault] = MappingProxyType(
    {
        Fault.CRL_REVOKED: _crl_saying(Status.REVOKED),
        Fault.CRL_HOLD: _crl_saying(Status.HOLD),
        Fault.CRL_MISSING: lambda _subject, _now: None,
        Fault.CRL_STALE: lambda subject, now: crl(subject.issuer, now - LONG_AGO),
        Fault.CRL_OTHER_ISSUER: lambda _, now: crl(device_root(), now),
        Fault.CRL_FORGED: lambda subject, now: crl(subject.issuer, now, signed_by=device_root()),
    }
)
