"""The classes of Keras that a model's configuration may name.

Source: Keras 3.11, keras/api. Left out on purpose: Lambda (Python code), TFSMLayer (loads another
model), TorchModuleWrapper (loads a pickle), JaxLayer and FlaxLayer (functions).
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _names(
    """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average
    AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
    CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D
    Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout EinsumDense ELU Embedding
    Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention GRU GRUCell HashedCrossing Hashing Identity
    InputLayer IntegerLookup LayerNormalization LeakyReLU LSTM LSTMCell Masking Maximum
    MaxPooling1D MaxPooling2D MaxPooling3D MelSpectrogram Minimum MultiHeadAttention Multiply
    Normalization Permute PReLU RandomBrightness RandomContrast RandomCrop RandomFlip
    RandomRotation RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    RMSNormalization RNN SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax
    SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
    StringLookup Subtract TextVectorization ThresholdedReLU TimeDistributed UnitNormalization
    UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)
MODELS = frozenset(("Functional", "Sequential", "Model"))
PARTS = _names(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform
    TruncatedNormal VarianceScaling Zeros L1 L2 L1L2 OrthogonalRegularizer MaxNorm MinMaxNorm
    NonNeg UnitNorm Adadelta Adafactor Adagrad Adam Adamax AdamW Ftrl Lion LossScaleOptimizer
    Nadam RMSprop SGD CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay
    PiecewiseConstantDecay PolynomialDecay BinaryCrossentropy BinaryFocalCrossentropy
    CategoricalCrossentropy CategoricalFocalCrossentropy CosineSimilarity Hinge Huber
    KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError
    MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge Accuracy AUC
    BinaryAccuracy CategoricalAccuracy F1Score Mean MeanMetricWrapper Precision Recall
    RootMeanSquaredError SparseCategoricalAccuracy Sum TopKCategoricalAccuracy DTypePolicy
    DTypePolicyMap QuantizedDTypePolicy QuantizedFloat8DTypePolicy Policy SeedGenerator
    """
)
MARKS = frozenset(("__keras_tensor__", "__tuple__", "__ellipsis__", "__slice__", "TensorShape"))
"""Not classes: how a configuration writes plain values."""
CLASSES = LAYERS | MODELS | PARTS | MARKS
FUNCTION_MODULES = frozenset(("keras.activations", "keras.losses", "keras.metrics", "builtins"))
FUNCTIONS = _names(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh
    leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink
    softmax softplus softsign sparse_plus sparsemax squareplus swish tanh tanh_shrink threshold
    binary_accuracy binary_crossentropy categorical_accuracy categorical_crossentropy
    cosine_similarity hinge huber kl_divergence log_cosh mean_absolute_error mean_squared_error
    poisson sparse_categorical_accuracy sparse_categorical_crossentropy squared_hinge
    """
)
