-- A layer of a dense network whose numbers are in dbo.tensors.
CREATE TABLE dbo.dense_layers (
    network NVARCHAR(128) NOT NULL,   -- name of the network, as TrainNetworkSql or lungdb load-tensors was given it
    layer INT NOT NULL,               -- 0, 1, 2, …; the last one gives class probabilities
    inputs INT NOT NULL,              -- numbers that it reads: features of an example, or units of the layer before
    units INT NOT NULL,               -- numbers that it gives
    activation NVARCHAR(16) NOT NULL, -- identity, relu, sigmoid, tanh or softmax
    CONSTRAINT PK_dense_layers PRIMARY KEY (network, layer),
    CONSTRAINT CK_dense_layers_widths CHECK (layer >= 0 AND inputs >= 1 AND units >= 1),
    CONSTRAINT CK_dense_layers_activation CHECK (activation IN (N'identity', N'relu', N'sigmoid', N'tanh', N'softmax'))
);
