export default function P(){return <h1>activity</h1>}
