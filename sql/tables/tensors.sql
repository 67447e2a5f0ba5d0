-- A number of a dense network. Layer n has the tensors n.weight (a row for each input, a column for each unit) and n.bias
-- (row 0); one that is being trained also n.weight.velocity and n.bias.velocity, which momentum needs to go on.
CREATE TABLE dbo.tensors (
    network NVARCHAR(128) NOT NULL,
    tensor NVARCHAR(64) NOT NULL,
    row_index INT NOT NULL,
    column_index INT NOT NULL,
    value FLOAT NOT NULL,
    CONSTRAINT PK_tensors PRIMARY KEY (network, tensor, row_index, column_index)
);
