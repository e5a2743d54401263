"""Codes about signatures of models; findings have the `Severity` they cause, not a kind."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "MODEL_KEY",
        "validation",
        "A key given for a model's signature cannot be used.",
        "Use an EC key on P-256, P-384 or P-521 in PEM: `openssl ecparam -name prime256v1 "
        "-genkey -noout`.",
    ),
    Code(
        "MODEL_CERTIFICATE",
        "validation",
        "A certificate given for a model's signature cannot be read.",
        "Give X.509 certificates in PEM, none longer than 16 KiB.",
    ),
    Code(
        "MODEL_CERTIFICATE_KEY",
        "validation",
        "The first certificate of a chain is not that of the key that signs.",
        "Put the certificate of this very key first in the chain.",
    ),
    Code(
        "MODEL_TRUSTED_ROOT",
        "validation",
        "A file is no trusted root of Sigstore.",
        "Take `trusted_root.json` from the Sigstore instance that signed (for the public one:"
        " from its TUF repository).",
    ),
    Code(
        "MODEL_EMPTY",
        "validation",
        "A model without files was to be signed.",
        "Name the folder or file that holds the model; what is ignored does not count.",
    ),
    Code(
        "MODEL_NAME",
        "validation",
        "A model has a file whose name verifiers read in more than one way.",
        "Rename the file: no `..`, backslash or control character, Unicode form NFC, no other"
        " that differs by case only.",
    ),
    Code(
        "MODEL_IGNORE",
        "validation",
        "A file that loaders read was to be left out of a signature, or what is no regular "
        "file was to be in it.",
        "Sign the file, or move it out of the model.",
    ),
    Code(
        "MODEL_HASH_ALGORITHM",
        "internal",
        "Files were hashed by another algorithm than their signature is over.",
        "This is a defect in LotaBots; please report it.",
    ),
    Code(
        "BUNDLE-JSON",
        "reject",
        "The signature is no JSON that has one reading, or it is too large, or nested too deep.",
        "Get the signature again from whoever signed; `measured` has the code of what is wrong.",
    ),
    Code(
        "BUNDLE-SHAPE",
        "reject",
        "The signature is no Sigstore bundle as model signing writes it.",
        "Get the signature again from whoever signed, or have the model signed again.",
    ),
    Code(
        "BUNDLE-VERSION",
        "reject",
        "The signature is a bundle of a version that is not known here.",
        "Have the model signed in version 0.3 of the bundle.",
    ),
    Code(
        "BUNDLE-PAYLOAD-TYPE",
        "reject",
        "The signed document is said to be of another type than an in-toto statement.",
        "Give the signature of the model, not of something else.",
    ),
    Code(
        "STATEMENT-JSON",
        "reject",
        "The signed statement is no JSON that has one reading, or it is too large, or nested "
        "too deep.",
        "Have the model signed again by a tool that writes each key once.",
    ),
    Code(
        "STATEMENT-SHAPE",
        "reject",
        "What was signed is no in-toto statement.",
        "Give the signature of the model, not of something else.",
    ),
    Code(
        "STATEMENT-TYPE",
        "reject",
        "What was signed is an in-toto statement of another version.",
        "Have the model signed again with a statement of version 1.",
    ),
    Code(
        "KEY-UNKNOWN",
        "reject",
        "The bundle is signed by a key that is not trusted here.",
        "Check who signed it; if it is somebody you trust, give their key with `--key`.",
    ),
    Code(
        "KEY-HINT-MISSING",
        "reject",
        "The bundle does not say which key signed it.",
        "Have it signed again; a policy may let this pass.",
    ),
    Code(
        "KEY-HINT-OLD",
        "warning",
        "The bundle holds its own key in place of a hint, as model-signing wrote it before 1.0.1.",
        "Nothing is wrong; sign again when convenient.",
    ),
    Code(
        "SIGNATURE-INVALID",
        "reject",
        "A signature was not made by a trusted key over this statement.",
        "The statement was changed, or somebody else signed it: get model and signature again.",
    ),
    Code(
        "SIGNATURE-LEGACY",
        "reject",
        "The signature is of the malformed form that model-signing made before 1.0.",
        "Have the model signed again; a policy may let this pass.",
    ),
    Code(
        "CHAIN-PARSE",
        "reject",
        "A certificate of the chain cannot be read.",
        "Get the signature again from whoever signed.",
    ),
    Code(
        "CHAIN-UNTRUSTED",
        "reject",
        "The certificate of the signer leads to no certificate that is trusted here.",
        "If you trust its authority, give that one's certificate with `--root`.",
    ),
    Code(
        "CHAIN-TIME",
        "reject",
        "A certificate of the chain is not valid at this time: expired, or not valid yet.",
        "Have the model signed again with a certificate in force.",
    ),
    Code(
        "CHAIN-CA",
        "reject",
        "A certificate in the chain may not issue certificates, or not so many below it.",
        "The chain is forged or its authority is set up wrongly: do not use the model.",
    ),
    Code(
        "CHAIN-LEAF",
        "reject",
        "The signer's certificate may issue certificates itself.",
        "Have the model signed with a certificate that signs data only.",
    ),
    Code(
        "CHAIN-USAGE",
        "reject",
        "The signer's certificate is not made for signing code or data.",
        "Have the model signed with a certificate for digitalSignature and codeSigning.",
    ),
    Code(
        "CHAIN-ALGORITHM",
        "reject",
        "A certificate of the chain uses a key or a hash that is not accepted.",
        "Use EC keys on P-256, P-384 or P-521 for leaves, RSA from 2048 bits above, and "
        "SHA-256 or longer.",
    ),
    Code(
        "CHAIN-EXTENSION",
        "reject",
        "A certificate has a critical extension that is not known here.",
        "Have the model signed with a certificate without it.",
    ),
    Code(
        "SIGSTORE-UNTRUSTED",
        "reject",
        "The bundle is signed through Sigstore, and no Sigstore is trusted here.",
        "Give `--trusted-root`, `--identity` and `--issuer`.",
    ),
    Code(
        "SIGSTORE-TLOG-MISSING",
        "reject",
        "A Sigstore signature comes without an entry of a transparency log.",
        "Get the whole bundle from whoever signed: without the log nothing says when it was "
        "signed.",
    ),
    Code(
        "SIGSTORE-ENTRY",
        "reject",
        "An entry of the transparency log cannot be read.",
        "Get the signature again from whoever signed.",
    ),
    Code(
        "SIGSTORE-LOG",
        "reject",
        "The transparency log is not one that the trusted root names, or was not in use then.",
        "Give the trusted root of the Sigstore instance that signed.",
    ),
    Code(
        "SIGSTORE-KIND",
        "inconclusive",
        "The log's entry is of a kind that is not read here.",
        "Have it signed with an entry of kind dsse 0.0.1 (Rekor 1).",
    ),
    Code(
        "SIGSTORE-BODY",
        "reject",
        "The log's entry is about another payload, signature or certificate.",
        "The bundle was put together from several: get it again.",
    ),
    Code(
        "SIGSTORE-PROMISE",
        "reject",
        "The log's promise to take the entry is not signed by the log.",
        "The bundle was changed: get it again.",
    ),
    Code(
        "SIGSTORE-PROOF",
        "reject",
        "The log does not prove that it holds the entry.",
        "The bundle was changed: get it again.",
    ),
    Code(
        "SIGSTORE-TIME",
        "inconclusive",
        "Nothing that is read here proves when the signature was made.",
        "Have it signed with a log that signs its times (Rekor 1).",
    ),
    Code(
        "SIGSTORE-SCT",
        "reject",
        "No trusted log of certificates has promised to take the signer's certificate.",
        "The certificate may have been issued in secret: do not use the model.",
    ),
    Code(
        "SIGSTORE-IDENTITY",
        "reject",
        "The signature is by another identity than expected, or vouched for by another issuer.",
        "Check who should have signed; `measured` says who did.",
    ),
)
