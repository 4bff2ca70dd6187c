export default function P(){return <h1>library</h1>}
