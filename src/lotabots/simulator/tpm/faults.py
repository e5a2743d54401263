"""Every single thing that can be wrong with a TPM, its logs, or the evidence that it covers."""

from enum import StrEnum, auto


class TpmFault(StrEnum):
    """One fault, to be planted with `Node.with_fault`. It shows in `Node.attest_whole`.

    Unless its line says otherwise, the quote is good: the fault is in what was measured or sent.
    """

    # The TPM tells the truth about a state that is not allowed.
    FIRMWARE_OTHER = auto()
    """Other firmware: PCR 0 has no good value, and the log explains the one it has."""
    SECURE_BOOT_OFF = auto()
    KERNEL_OTHER = auto()
    """A kernel that no reference value knows."""
    PCR_EXTENDED = auto()
    """Something that stands in no log went into PCR 4."""
    KEYS_CHANGED = auto()
    """The owner enrolled another key with shim: PCR 14."""
    FILE_UNKNOWN = auto()
    """A file ran whose path no policy names."""
    FILE_CHANGED = auto()
    """A file that a policy allows ran with other content."""
    FILE_DENIED = auto()
    """A file ran whose content a policy denies."""
    FILE_VIOLATION = auto()
    """A file was written while it was measured."""
    CLOCK_BACK = auto()
    """The clock says less than before, and the counters say that nothing happened."""
    RESETS_BACK = auto()
    """The machine was started less often than before."""

    # The logs do not say what the TPM measured.
    LOG_DIGEST_CHANGED = auto()
    """One digest in the event log."""
    LOG_EVENT_REMOVED = auto()
    LOG_EVENT_ADDED = auto()
    LOG_SECURE_BOOT_LIES = auto()
    """Secure boot is off; the log has the digest of that, and the words of its being on."""
    LOG_APPLICATION_LIES = auto()
    """A kernel that nobody knows was started; the log names the good one's digest."""
    LOG_TRUNCATED = auto()
    """The event log ends within an event."""
    LOG_LENGTH_HUGE = auto()
    """An event announces 4 GiB."""
    LOG_ABSENT = auto()
    """No event log. Nothing is wrong where reference values judge every PCR."""
    IMA_LINE_REMOVED = auto()
    IMA_LINE_CHANGED = auto()
    """Another path in one line."""
    IMA_LINE_ADDED = auto()
    """A line after those that were quoted, which is of a later moment: nothing is wrong."""
    IMA_AHEAD = auto()
    """The list starts later than the verifier has read."""
    IMA_MALFORMED = auto()
    """A line that is none."""
    IMA_ABSENT = auto()

    # The quote is not this TPM's answer to this challenge.
    QUOTE_OF_ANOTHER = auto()
    """Another genuine TPM quotes the same, over its own equal PCRs."""
    NONCE_OTHER = auto()
    """The quote is over what follows from another challenge."""
    NOT_A_QUOTE = auto()
    """The attestation key signed something else that a TPM makes: a certification of a key."""
    NOT_GENERATED = auto()
    """The attestation key signed bytes that do not begin as those made inside a TPM."""
    PCRS_FEWER = auto()
    """PCRs 0 to 7 alone are quoted and sent."""
    PCR_VALUE_CHANGED = auto()
    """A PCR was sent with another value than was quoted."""
    PCR_VALUE_MISSING = auto()
    """A PCR was quoted and not sent."""
    ATTEST_BIT = auto()
    """One bit of what was signed: of the clock."""
    ATTEST_TRUNCATED = auto()
    ATTEST_TRAILING = auto()
    """One byte after what was signed, and signed with it."""
    SIGNATURE_BIT = auto()
    SIGNATURE_ZERO = auto()
    SIGNATURE_TRUNCATED = auto()

    # The evidence is not as its format has it.
    FORMAT_OTHER = auto()
    """A version of the format from the future."""
    FIELD_UNKNOWN = auto()
    FIELD_MISSING = auto()
    FIELD_TWICE = auto()
    TRUNCATED = auto()
    OVERSIZE = auto()
    """Two megabytes."""

    # The manifest is not that of this session.
    MANIFEST_REPLAYED = auto()
    """The manifest of another challenge, quoted for this one."""
    EVIDENCE_REPLAYED = auto()
    """The TPM's whole answer to another challenge."""
    MANIFEST_CHANGED = auto()
    """Changed after the quote."""
    MANIFEST_COUNTERS = auto()
    """It names other boot counters than the quote."""
    MANIFEST_SPACED = auto()
    """The same manifest with spaces, quoted so: it is not the one form that it may have."""

    # What was sent is not what the quote covers.
    LEAF_REMOVED = auto()
    """One piece of evidence is not sent."""
    LEAF_ADDED = auto()
    """One more piece of evidence is sent, under a name of its own."""
    LEAF_REPLACED = auto()
    """A genuine answer of the device to the same challenge, but not the one that is covered."""
    LEAF_REORDERED = auto()
    """Two devices of a kind have changed places since."""
    LEAF_REPLAYED = auto()
    """A device's answer to an earlier challenge, in the place of that which is covered."""
    LEAF_UNCOVERED = auto()
    """The quote was made before one device had answered."""

    # What was enrolled is not a TPM that a known maker vouches for.
    EK_WITHOUT_CERTIFICATE = auto()
    EK_FORGED_ROOT = auto()
    """Under a root of the right name with a key of somebody else's."""
    EK_OTHER_PURPOSE = auto()
    """The certificate is for TLS servers."""
    EK_OF_ANOTHER = auto()
    """The certificate of another TPM."""
    EK_BY_DEVICE_ROOT = auto()
    """Issued under the root of GPUs."""
    AK_UNRESTRICTED = auto()
    """An attestation key that signs whatever it is given."""

    # The reference values do not cover what was quoted.
    PCR_UNJUDGED = auto()
    """No reference value for PCR 2."""
    REFERENCE_MISSING = auto()
    """No reference values for TPMs at all."""
