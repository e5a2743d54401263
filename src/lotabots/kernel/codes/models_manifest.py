"""Codes about what was signed of a model and what is there; findings have a `Severity`."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "MANIFEST-PREDICATE",
        "reject",
        "The statement is not about the files of a model.",
        "Give the model's own signature, not another statement about it.",
    ),
    Code(
        "MANIFEST-LEGACY",
        "reject",
        "The statement is of the form before model-signing 1.0.",
        "Have the model signed again; a policy may let this pass.",
    ),
    Code(
        "MANIFEST-SHAPE",
        "reject",
        "The manifest that was signed is not as model signing writes it.",
        "Have the model signed again.",
    ),
    Code(
        "MANIFEST-ALGORITHM",
        "reject",
        "The manifest uses a digest that is not registered, or mixes several.",
        "Have the model signed again with sha256, blake3 or blake2b.",
    ),
    Code(
        "MANIFEST-DIGEST",
        "reject",
        "A digest in the manifest is none of its algorithm.",
        "Have the model signed again.",
    ),
    Code(
        "MANIFEST-SHARD-SIZE",
        "reject",
        "The size of shards in the manifest is no positive whole number, or not to be there.",
        "Have the model signed again.",
    ),
    Code(
        "MANIFEST-SHARD",
        "reject",
        "Shards of a file overlap, leave a hole, or are of another size than stated.",
        "Have the model signed again.",
    ),
    Code(
        "MANIFEST-EMPTY",
        "reject",
        "The manifest has no file: it says nothing about any model.",
        "Have the model signed again.",
    ),
    Code(
        "MANIFEST-PATH",
        "reject",
        "A name in the manifest is not canonical: it is read in more than one way, or leads "
        "out of the model.",
        "Do not use the model; whoever signed it should look at what signs.",
    ),
    Code(
        "MANIFEST-DUPLICATE",
        "reject",
        "The manifest names a file or shard twice.",
        "Do not use the model; whoever signed it should look at what signs.",
    ),
    Code(
        "MANIFEST-IGNORE",
        "reject",
        "The manifest leaves out a path that is no canonical name, or the whole model.",
        "Have the model signed again; only names of files and folders can be left out.",
    ),
    Code(
        "MANIFEST-ROOT",
        "reject",
        "The root of the statement is not that of its own files.",
        "Have the model signed again.",
    ),
    Code(
        "PATH-UNICODE",
        "warning",
        "A file's name is not in Unicode form NFC: other systems may write it differently.",
        "Rename the file and sign again.",
    ),
    Code(
        "PATH-COLLISION",
        "reject",
        "Two names differ by case or Unicode form only: elsewhere they are one file.",
        "Rename one of them and sign again.",
    ),
    Code(
        "FILE-MISSING",
        "reject",
        "A signed file is not there.",
        "Get the model again from its source.",
    ),
    Code(
        "FILE-EXTRA",
        "reject",
        "A file is there that nobody signed.",
        "Delete it; if it belongs there and no loader reads it, name it with `--ignore`.",
    ),
    Code(
        "FILE-MODIFIED",
        "reject",
        "A file is not the one that was signed.",
        "Get the file again from its source; do not load the model.",
    ),
    Code(
        "FILE-RENAMED",
        "reject",
        "A signed file has another name.",
        "Give it back the name that was signed.",
    ),
    Code(
        "FILE-UNREAD",
        "inconclusive",
        "A signed file was not read, so nothing is known of it.",
        "Make the file readable and verify again.",
    ),
    Code(
        "FILE-UNNAMED",
        "warning",
        "The signature covers the content of the one file, not its name.",
        "Have it signed by a tool that writes the name (model-signing writes `.`).",
    ),
    Code(
        "FILE-SYMLINK",
        "reject",
        "A symbolic link stands where a file should, or leads out of what was signed.",
        "Put the file itself in its place.",
    ),
    Code(
        "FILE-TYPE",
        "reject",
        "A name in the model is neither a file nor a folder.",
        "Delete it: a model has no pipes, sockets or devices.",
    ),
    Code(
        "FILE-GIT",
        "warning",
        "Files of git are there, which model signing leaves out.",
        "Nothing is wrong; what is published needs none of them.",
    ),
    Code(
        "FILE-IGNORED",
        "warning",
        "Files are there that the signature or the caller leaves out.",
        "Nothing is wrong while no loader reads them.",
    ),
    Code(
        "FILE-IGNORED-READ",
        "reject",
        "A file that was not signed is left out by name, though loaders read such files.",
        "Delete it, or have it signed: what a loader reads cannot be ignored.",
    ),
    Code(
        "MODEL-OTHER",
        "reject",
        "The model is another one than was asked for.",
        "Check the digest: it is the identity that `lotabots model sign` and `verify` print.",
    ),
    Code(
        "STRONG-MISSING",
        "warning",
        "There is no strong statement: identity, sizes, empty files, tensors and age are not "
        "signed.",
        "Have the model signed with `lotabots model sign`, and give its bundle with "
        "`--strong-bundle`.",
    ),
    Code(
        "STRONG-PREDICATE",
        "reject",
        "The second bundle holds no strong statement about a model.",
        "Give the bundle that `lotabots model sign` wrote beside the first.",
    ),
    Code(
        "STRONG-SHAPE",
        "reject",
        "The strong statement is not as we write it.",
        "Have the model signed again.",
    ),
    Code(
        "STRONG-ROOT",
        "reject",
        "The roots in the strong statement are not those of its own files or tensors.",
        "Have the model signed again.",
    ),
    Code(
        "STRONG-OTHER",
        "reject",
        "The strong statement is about another model than the manifest.",
        "Give the two bundles of one signing.",
    ),
    Code(
        "STRONG-ALGORITHM",
        "reject",
        "The strong statement uses another digest than the manifest.",
        "Give the two bundles of one signing.",
    ),
    Code(
        "STRONG-EXPIRED",
        "reject",
        "The strong statement has ended.",
        "Have the model signed again.",
    ),
    Code(
        "STRONG-ROLLBACK",
        "reject",
        "The strong statement is older than one that is known.",
        "Get the newer version of the model.",
    ),
    Code(
        "TENSOR-ROOT",
        "reject",
        "The tensors are not those that were signed.",
        "Get the model again from its source; `lotabots model diff` names what changed.",
    ),
)
