-- A layer of a dense network whose numbers are in dbo.tensors; layers count from 0. The last one gives class probabilities.
CREATE TABLE dbo.dense_layers (
    network NVARCHAR(128) NOT NULL,
    layer INT NOT NULL,
    inputs INT NOT NULL,
    units INT NOT NULL,
    activation NVARCHAR(16) NOT NULL,
    CONSTRAINT PK_dense_layers PRIMARY KEY (network, layer),
    CONSTRAINT CK_dense_layers_widths CHECK (layer >= 0 AND inputs >= 1 AND units >= 1),
    CONSTRAINT CK_dense_layers_activation CHECK (activation IN (N'identity', N'relu', N'sigmoid', N'tanh', N'softmax'))
);
