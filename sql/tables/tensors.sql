-- A number of a dense network.
CREATE TABLE dbo.tensors (
    network NVARCHAR(128) NOT NULL, -- name of the network, as dbo.dense_layers has it
    tensor NVARCHAR(64) NOT NULL,   -- of layer n n.weight or n.bias; while it is being trained also n.weight.velocity and n.bias.velocity,
                                    -- which momentum needs
    row_index INT NOT NULL,         -- input of the layer, from 0; 0 of a bias
    column_index INT NOT NULL,      -- unit of the layer, from 0
    value FLOAT NOT NULL,           -- the weight, bias or velocity itself
    CONSTRAINT PK_tensors PRIMARY KEY (network, tensor, row_index, column_index)
);
